#include "_cgo_export.h"

void calls_back(int value) {
	goReceive(value);
}

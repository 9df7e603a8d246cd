// The Go function is declared in a header that cgo writes while the package is built.
#include "_cgo_export.h"

int walk(int last) {
	int sum = 0;
	for (int number = 1; number <= last; number++)
		sum += goCallback(number);
	return sum;
}

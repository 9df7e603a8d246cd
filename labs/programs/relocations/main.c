/* Calls a function of another file and one of the C library, and uses a variable of its own. */
#include <stdio.h>

int twice(int number);

int answer = 20;

int main(void) {
    answer = answer + 1;
    printf("%d\n", twice(answer));
    return 0;
}

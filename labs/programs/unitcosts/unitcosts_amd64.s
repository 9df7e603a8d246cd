#include "textflag.h"

// func cpuid(times int)
TEXT ·cpuid(SB),NOSPLIT,$0-8
	MOVQ	times+0(FP), DI
again:
	MOVL	$0, AX
	MOVL	$0, CX
	CPUID
	DECQ	DI
	JNZ	again
	RET

// func rdtsc(times int)
TEXT ·rdtsc(SB),NOSPLIT,$0-8
	MOVQ	times+0(FP), DI
again:
	RDTSC
	DECQ	DI
	JNZ	again
	RET

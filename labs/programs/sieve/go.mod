module golab/sieve

go 1.21

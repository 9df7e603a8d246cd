module golab/gmp

go 1.21

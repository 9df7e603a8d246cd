module golab/cneeds

go 1.21

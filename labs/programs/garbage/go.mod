module golab/garbage

go 1.21

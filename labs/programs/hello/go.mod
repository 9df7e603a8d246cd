module golab/hello

go 1.21

module golab/empty

go 1.21

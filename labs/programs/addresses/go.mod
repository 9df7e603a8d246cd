module golab/addresses

go 1.21

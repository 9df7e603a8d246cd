module golab/lookup

go 1.21

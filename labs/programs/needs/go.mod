module golab/needs

go 1.21

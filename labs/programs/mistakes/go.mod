module golab/mistakes

go 1.21

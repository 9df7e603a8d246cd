module golab/staticinit

go 1.21

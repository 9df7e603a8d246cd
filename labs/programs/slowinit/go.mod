module golab/slowinit

go 1.21

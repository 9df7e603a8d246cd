module golab/maxprocs

go 1.21

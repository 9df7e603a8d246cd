module golab/pgo

go 1.21

module golab/pprofserver

go 1.21

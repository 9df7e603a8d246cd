module golab/netuser

go 1.21

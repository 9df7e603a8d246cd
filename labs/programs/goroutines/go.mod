module golab/goroutines

go 1.21

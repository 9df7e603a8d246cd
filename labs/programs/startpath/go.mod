module golab/startpath

go 1.21

module golab/cgomemory

go 1.21

module golab/cgocost

go 1.21

module golab/cgocall

go 1.21

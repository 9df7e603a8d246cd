module golab/tracedmain

go 1.21

module golab/selfnames

go 1.21

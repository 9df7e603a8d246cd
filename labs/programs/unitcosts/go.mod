module golab/unitcosts

go 1.21

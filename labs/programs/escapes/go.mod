module golab/escapes

go 1.21

module golab/callback

go 1.21

module golab/web-nethttp

go 1.22

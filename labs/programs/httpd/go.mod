module golab/httpd

go 1.21

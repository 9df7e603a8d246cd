// Program web-nethttp is a small service on net/http alone. Its main.go is that of all web programs.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
)

func serve(listener net.Listener) error {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello\n")
	})
	routes.HandleFunc("GET /fruit/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"fruit": r.PathValue("name")})
	})
	return http.Serve(listener, routes)
}

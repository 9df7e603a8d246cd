// Program web-chi is a small service on the router chi. Its main.go is that of all web programs.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"
)

func serve(listener net.Listener) error {
	routes := chi.NewRouter()
	routes.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello\n")
	})
	routes.Get("/fruit/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"fruit": chi.URLParam(r, "name")})
	})
	return http.Serve(listener, routes)
}

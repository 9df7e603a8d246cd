// Program web-echo is a small service on echo. Its main.go is that of all web programs.
package main

import (
	"net"
	"net/http"

	"github.com/labstack/echo/v4"
)

func serve(listener net.Listener) error {
	routes := echo.New()
	routes.HideBanner, routes.HidePort = true, true // else it prints both
	routes.GET("/", func(c echo.Context) error {
		return c.String(http.StatusOK, "hello\n")
	})
	routes.GET("/fruit/:name", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"fruit": c.Param("name")})
	})
	routes.Listener = listener
	return routes.Start("")
}

// Program web-gin is a small service on gin. Its main.go is that of all web programs.
package main

import (
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

func serve(listener net.Listener) error {
	gin.SetMode(gin.ReleaseMode) // else it prints its routes
	routes := gin.New()
	routes.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, "hello\n")
	})
	routes.GET("/fruit/:name", func(c *gin.Context) {
		c.JSON(http.StatusOK, gin.H{"fruit": c.Param("name")})
	})
	return routes.RunListener(listener)
}

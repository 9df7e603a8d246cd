// Program web-fiber is a small service on fiber. Its main.go is that of all web programs.
package main

import (
	"net"

	"github.com/gofiber/fiber/v3"
)

func serve(listener net.Listener) error {
	routes := fiber.New()
	routes.Get("/", func(c fiber.Ctx) error {
		return c.SendString("hello\n")
	})
	routes.Get("/fruit/:name", func(c fiber.Ctx) error {
		return c.JSON(map[string]string{"fruit": c.Params("name")})
	})
	// Else it prints a banner.
	return routes.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
}

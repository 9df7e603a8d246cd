// Program sqlite-cgo uses SQLite in its own C, by way of cgo. Its main.go is that of sqlite-pure.
package main

import _ "github.com/mattn/go-sqlite3"

const driver = "sqlite3"

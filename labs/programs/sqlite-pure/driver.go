// Program sqlite-pure uses SQLite translated from C to Go. Its main.go is that of sqlite-cgo.
package main

import _ "modernc.org/sqlite"

const driver = "sqlite"

package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// queries is how many rows are looked up by their keys, one at a time.
const queries = 1000

func main() {
	rows := flag.Int("rows", 0, "time a table of so many `rows`, and print the times as JSON")
	repeat := flag.Int("repeat", 1, "how often to time it")
	flag.Parse()
	if flag.NArg() > 0 || *rows < 0 || *repeat < 1 {
		flag.Usage()
		os.Exit(2)
	}
	do := show
	if *rows > 0 {
		do = func() error { return bench(*rows, *repeat) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// show is the everyday use: open a database in memory, create, insert, query, print.
func show() error {
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO fruit (id, name, grams) VALUES (1, 'plum', 30), " +
		"(2, 'apple', 180), (3, 'melon', 1500)"); err != nil {
		return err
	}
	found, err := db.Query("SELECT name, grams FROM fruit WHERE grams > ? ORDER BY name", 100)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var name string
		var grams int
		if err := found.Scan(&name, &grams); err != nil {
			return err
		}
		fmt.Println(name, grams)
	}
	return found.Err()
}

// open returns a database in memory with an empty table. Each connection would have a database of
// its own, so there is one.
func open() (*sql.DB, error) {
	db, err := sql.Open(driver, ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE fruit (id INTEGER PRIMARY KEY, name TEXT, grams INTEGER)"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// timed is one run through all the work; the times are in milliseconds. The sums are there so that
// two programs can be seen to have given the same answers.
type timed struct {
	Open      float64 `json:"open_ms"`
	Insert    float64 `json:"insert_ms"`
	Point     float64 `json:"point_ms"`
	Aggregate float64 `json:"aggregate_ms"`
	Points    int     `json:"points"`
	Sum       int     `json:"sum"`
}

func bench(rows, repeat int) error {
	answer := struct {
		Driver  string  `json:"driver"`
		SQLite  string  `json:"sqlite"`
		Rows    int     `json:"rows"`
		Queries int     `json:"queries"`
		Runs    []timed `json:"runs"`
	}{Driver: driver, Rows: rows, Queries: queries}
	for range repeat {
		run, version, err := once(rows)
		if err != nil {
			return err
		}
		answer.SQLite = version
		answer.Runs = append(answer.Runs, run)
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

func once(rows int) (run timed, version string, err error) {
	begin := time.Now()
	lap := func(into *float64) {
		now := time.Now()
		*into = float64(now.Sub(begin)) / float64(time.Millisecond)
		begin = now
	}
	db, err := open()
	if err != nil {
		return run, "", err
	}
	defer db.Close()
	lap(&run.Open)
	if err := insert(db, rows); err != nil {
		return run, "", err
	}
	lap(&run.Insert)
	if run.Points, err = points(db, rows); err != nil {
		return run, "", err
	}
	lap(&run.Point)
	err = db.QueryRow("SELECT sum(kinds * grams) FROM (SELECT name, count(*) AS kinds, " +
		"sum(grams) AS grams FROM fruit GROUP BY name)").Scan(&run.Sum)
	if err != nil {
		return run, "", err
	}
	lap(&run.Aggregate)
	return run, version, db.QueryRow("SELECT sqlite_version()").Scan(&version)
}

// insert fills the table by one prepared statement in one transaction.
func insert(db *sql.DB, rows int) error {
	within, err := db.Begin()
	if err != nil {
		return err
	}
	defer within.Rollback()
	add, err := within.Prepare("INSERT INTO fruit (id, name, grams) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer add.Close()
	for id := range rows {
		if _, err := add.Exec(id, fmt.Sprintf("fruit %d", id%97), id*7919%1000); err != nil {
			return err
		}
	}
	return within.Commit()
}

// points looks rows up by their keys, all over the table, and returns the sum of what it finds.
func points(db *sql.DB, rows int) (int, error) {
	find, err := db.Prepare("SELECT grams FROM fruit WHERE id = ?")
	if err != nil {
		return 0, err
	}
	defer find.Close()
	sum := 0
	for i := range queries {
		var grams int
		if err := find.QueryRow(i * 7919 % rows).Scan(&grams); err != nil {
			return 0, err
		}
		sum += grams
	}
	return sum, nil
}

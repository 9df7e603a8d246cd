// Program cli-cobra is a small command line on cobra with two subcommands, greet and sum.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{
		Use:   "cli-cobra",
		Short: "Two things that a command line can do",
	}
	root.AddCommand(greet(), sum())
	if root.Execute() != nil { // which has printed the error
		os.Exit(1)
	}
}

func greet() *cobra.Command {
	var times int
	command := &cobra.Command{
		Use:   "greet NAME",
		Short: "Say hello to somebody",
		Args:  cobra.ExactArgs(1),
		Run: func(command *cobra.Command, args []string) {
			for range times {
				fmt.Fprintln(command.OutOrStdout(), "hello,", args[0])
			}
		},
	}
	command.Flags().IntVar(&times, "times", 1, "how often")
	return command
}

func sum() *cobra.Command {
	return &cobra.Command{
		Use:   "sum NUMBER...",
		Short: "Add whole numbers",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			total := 0
			for _, arg := range args {
				number, err := strconv.Atoi(arg)
				if err != nil {
					return err
				}
				total += number
			}
			fmt.Fprintln(command.OutOrStdout(), total)
			return nil
		},
	}
}

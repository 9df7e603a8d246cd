// Program slowinit starts slower than it need be: one of its packages prepares something that
// most starts never use. Find it, and make it wait until it is wanted.
//
//	slowinit              prints a line
//	slowinit spell WORD   looks a word up
package main

import (
	"fmt"
	"os"

	"golab/slowinit/routes"
	"golab/slowinit/settings"
	"golab/slowinit/spelling"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "spell" {
		fmt.Println(spelling.Suggest(os.Args[2]))
		return
	}
	fmt.Println(settings.Name, "serves", routes.Match("/users/7"))
}

// Sleeper is all that runs in the containers that tests start. It ends by itself.
package main

import "time"

func main() { time.Sleep(2 * time.Minute) }

package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What the guest says goes over a serial port of its own, so that the kernel's
// messages are not in between. A line of a command's output begins with "| ",
// everything else is the frame:
//
//	@ begin NAME
//	| output
//	@ end NAME EXIT-CODE
//	@ done
const guestPort = "/dev/ttyS1"

const (
	sectionVersion = "version"
	sectionDoctor  = "doctor"
	sectionMap     = "map"
	sectionTests   = "tests"
	sectionLab     = "lab"
)

// speaker writes it.
type speaker struct{ w io.Writer }

func (s speaker) begin(name string)         { fmt.Fprintf(s.w, "@ begin %s\n", name) }
func (s speaker) end(name string, code int) { fmt.Fprintf(s.w, "@ end %s %d\n", name, code) }
func (s speaker) done()                     { fmt.Fprintf(s.w, "@ done\n") }
func (s speaker) line(text string)          { fmt.Fprintf(s.w, "| %s\n", strings.TrimRight(text, "\r\n")) }

// said is what a guest said, by section.
type said struct {
	sections map[string]section
	done     bool // it came to its end
}

type section struct {
	text  string
	code  int
	ended bool
}

// listen reads what a guest says until the port closes. What does not belong to
// the frame is left out; tell gets each line of output as it comes.
func listen(r io.Reader, tell func(string)) (said, error) {
	out := said{sections: map[string]section{}}
	lines := bufio.NewReader(r)
	var name string
	var text strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil && line == "" {
			if name != "" {
				out.sections[name] = section{text: text.String()}
			}
			if err == io.EOF {
				return out, nil
			}
			return out, fmt.Errorf("read the serial port: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		word := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "| "):
			if name != "" {
				text.WriteString(line[2:] + "\n")
				tell(line[2:])
			}
		case len(word) == 3 && word[0] == "@" && word[1] == "begin":
			name = word[2]
			text.Reset()
		case len(word) == 4 && word[0] == "@" && word[1] == "end" && word[2] == name:
			code, err := strconv.Atoi(word[3])
			out.sections[name] = section{text: text.String(), code: code, ended: err == nil}
			name = ""
		case line == "@ done":
			out.done = true
		}
	}
}

// A game engine for TrainingRun without a line of TrainingRun in it: Nim, with heaps of 3, 5 and 7.
// Who takes the last object wins. The line protocol is that of docs/guides/own-engine.md.
//
//	go run . -port 17171
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const slots = 64 // games at once; STATUS says so

var (
	start  = [3]int{3, 5, 7}
	active atomic.Int64
	total  atomic.Int64
	began  = time.Now()
)

type action struct {
	Index       int    `json:"index"`
	Description string `json:"description"`
}

type observation struct {
	Shape []int  `json:"shape"`
	Dtype string `json:"dtype"`
	Data  string `json:"data"` // base64 of the numbers, in order, little-endian
}

type decision struct {
	Type        string      `json:"decision_type"`
	ID          int         `json:"decision_id"`
	Seat        int         `json:"seat"` // 1 or 2
	Player      string      `json:"player"`
	Observation observation `json:"observation"`
	Actions     []action    `json:"actions"`
}

type command struct {
	names       [2]string // scenarios, for the names of the players
	interactive bool      // -i: the client decides
	keep        bool      // -k: the connection serves another game
	aiSeat      int       // -a: the seat (1 or 2) that we play ourselves; 0: none
	seed        int64     // -s
	games       int       // -n
	limit       time.Duration
}

func main() {
	port := flag.Int("port", 17171, "port to listen on; 0 takes a free one")
	portFile := flag.String("port-file", "", "file to write the port into")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, "nim:", err)
		os.Exit(2)
	}
	if *portFile != "" {
		chosen := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		if err := os.WriteFile(*portFile, []byte(chosen+"\n"), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "nim:", err)
			os.Exit(2)
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() { // drain: no new connections, twenty seconds for the games that run
		<-stop
		listener.Close()
		for end := time.Now().Add(20 * time.Second); active.Load() > 0 && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
		os.Exit(0)
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			select {} // closed: the drain ends the process
		}
		go serve(connection)
	}
}

// serve answers one command after another until the client leaves or asked for one game only.
func serve(connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewReaderSize(connection, 16384)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 1 && words[0] == "STATUS":
			fmt.Fprintf(connection, "FORGE DAEMON STATUS\nActive games: %d\nQueued games: 0\nTotal games: %d\n"+
				"Uptime seconds: %d\nMax concurrent: %d\n",
				active.Load(), total.Load(), int(time.Since(began).Seconds()), slots)
		case len(words) >= 3 && words[0] == "NEWGAME":
			asked, problem := parse(words)
			if problem != "" {
				fmt.Fprintf(connection, "ERROR: %s\n", problem)
				return
			}
			for game := 0; game < asked.games; game++ {
				if !play(connection, lines, asked, asked.seed+int64(game)) {
					return
				}
			}
			if !asked.keep {
				return
			}
		default:
			fmt.Fprintf(connection, "ERROR: say STATUS or NEWGAME <scenario> <scenario> [flags]\n")
			return
		}
	}
}

// parse reads NEWGAME; flags that it does not know are ignored, as the protocol demands.
func parse(words []string) (command, string) {
	asked := command{names: [2]string{words[1], words[2]}, games: 1, seed: time.Now().UnixNano(), limit: 120 * time.Second}
	for at := 3; at < len(words); at++ {
		switch words[at] {
		case "-i":
			asked.interactive = true
		case "-k":
			asked.keep = true
		case "-a", "-s", "-n", "-c":
			if at+1 == len(words) {
				return asked, words[at] + " needs a number"
			}
			number, err := strconv.ParseInt(words[at+1], 10, 64)
			if err != nil {
				return asked, words[at] + " needs a number, not " + strconv.Quote(words[at+1])
			}
			switch words[at] {
			case "-a":
				asked.aiSeat = int(number)
			case "-s":
				asked.seed = number
			case "-n":
				asked.games = int(number)
			case "-c":
				asked.limit = time.Duration(number) * time.Second
			}
			at++
		}
	}
	return asked, ""
}

// play plays one game; false when the connection is of no further use.
func play(connection net.Conn, lines *bufio.Reader, asked command, seed int64) bool {
	active.Add(1)
	total.Add(1)
	defer active.Add(-1)
	begin, deadline := time.Now(), time.Now().Add(asked.limit)
	chance := rand.New(rand.NewSource(seed))
	heaps, seat, id := start, 1, 0
	for {
		legal := moves(heaps)
		chosen := legal[chance.Intn(len(legal))]
		if asked.interactive && seat != asked.aiSeat {
			id++
			text, _ := json.Marshal(decision{"choose_action", id, seat, name(asked, seat), observe(heaps), legal})
			if _, err := fmt.Fprintf(connection, "DECISION: %s\n", text); err != nil {
				return false
			}
			connection.SetReadDeadline(deadline)
			answer, err := lines.ReadString('\n')
			if timeout, is := err.(net.Error); is && timeout.Timeout() {
				fmt.Fprintf(connection, "GAME_TIMEOUT: %v passed\n", asked.limit)
				return false
			}
			if err != nil {
				return false
			}
			connection.SetReadDeadline(time.Time{})
			chosen = legal[0] // what cannot be read becomes the first action
			for _, each := range legal {
				if strconv.Itoa(each.Index) == strings.TrimSpace(answer) {
					chosen = each
				}
			}
		}
		heap, count := chosen.Index/7, chosen.Index%7+1
		heaps[heap] -= count
		if heaps[0]+heaps[1]+heaps[2] == 0 {
			_, err := fmt.Fprintf(connection, "GAME_RESULT: %s won in %dms\n", name(asked, seat), time.Since(begin).Milliseconds())
			return err == nil
		}
		seat = 3 - seat
	}
}

// moves lists what may be done; the index says which heap and how many: the vocabulary has 3 x 7 numbers.
func moves(heaps [3]int) []action {
	var found []action
	for heap, size := range heaps {
		for count := 1; count <= size; count++ {
			found = append(found, action{7*heap + count - 1, fmt.Sprintf("take %d of heap %d", count, heap+1)})
		}
	}
	return found
}

// observe shows 3 rows of 8 numbers: a 1 at the size of the heap.
func observe(heaps [3]int) observation {
	numbers := make([]byte, 24)
	for heap, size := range heaps {
		numbers[8*heap+size] = 1
	}
	return observation{[]int{3, 8}, "uint8", base64.StdEncoding.EncodeToString(numbers)}
}

// name is "Agent(1)-scenario": clients read the seat of the winner from the number in brackets.
func name(asked command, seat int) string {
	kind := "Agent"
	if !asked.interactive || seat == asked.aiSeat {
		kind = "Ai"
	}
	return fmt.Sprintf("%s(%d)-%s", kind, seat, asked.names[seat-1])
}

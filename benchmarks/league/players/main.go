// The load of matchmaker.py: players that call FindMatch, and a Game service that makes games and no more.
//
// It is in Go for its price: players in Python cost as much as the Matchmaker that they measure, on
// the same two cores. An open load: each call has its moment in a schedule and a goroutine of its
// own, and latency counts from the moment, not from when the call was made. Messages are bytes made
// by hand: nothing is read of an answer but whether it holds a match.
//
// A line of stdin is a phase, as JSON; a line of stdout its outcome. The first one says that games are served.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	service = "/trainingrun.league.v1.MatchmakerService/"
	ranked  = 1  // QUEUE_MODE_RANKED
	wait    = 10 // seconds that a player waits for its opponent
	timeout = 30 * time.Second
)

// raw passes messages on as the bytes that they are.
type raw struct{}

func (raw) Marshal(message any) ([]byte, error)      { return message.([]byte), nil }
func (raw) Unmarshal(data []byte, message any) error { *message.(*[]byte) = data; return nil }
func (raw) Name() string                             { return "proto" }

type phase struct {
	Name    string
	Rate    int
	Seconds int
	Empty   bool // calls that do nothing (CancelMatch of no ticket)
}

type outcome struct {
	Matched   int
	Unmatched int
	Failed    map[string]int
	Problem   string
	Seconds   float64
	Cpu       float64
	P50       float64
	P99       float64
	Most      float64
}

type load struct {
	sync.Mutex
	latencies []float64
	outcome
}

func main() {
	target := flag.String("target", "", "HOST:PORT of the Matchmaker")
	token := flag.String("token", "", "of a service")
	games := flag.String("games", "", "HOST:PORT where games are made")
	channels := flag.Int("channels", 4, "connections of the players")
	flag.Parse()

	listener, err := net.Listen("tcp", *games)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(makeGame))
	go func() { log.Fatal(server.Serve(listener)) }()

	connections := make([]*grpc.ClientConn, *channels)
	for i := range connections {
		connections[i], err = grpc.NewClient(*target,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.WaitForReady(true)),
			grpc.WithDisableRetry())
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("{}")
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+*token)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked phase
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		answer, _ := json.Marshal(run(ctx, connections, asked))
		fmt.Println(string(answer))
	}
}

func run(ctx context.Context, connections []*grpc.ClientConn, asked phase) outcome {
	count := asked.Rate * asked.Seconds / 2 * 2 // an odd one would wait alone
	found := load{latencies: make([]float64, 0, count)}
	found.Failed = map[string]int{}
	before, begin := cpu(), time.Now().Add(100*time.Millisecond)
	var players sync.WaitGroup
	for number := range count {
		due := begin.Add(time.Duration(number) * time.Second / time.Duration(asked.Rate))
		time.Sleep(time.Until(due))
		players.Add(1)
		go func() {
			defer players.Done()
			found.call(ctx, connections[number%len(connections)], asked, number, due)
		}()
	}
	players.Wait()
	found.Seconds = time.Since(begin).Seconds()
	found.Cpu = cpu() - before
	if ordered := found.latencies; len(ordered) > 0 {
		slices.Sort(ordered)
		found.P50, found.P99 = ordered[len(ordered)/2], ordered[len(ordered)*99/100]
		found.Most = ordered[len(ordered)-1]
	}
	return found.outcome
}

func (found *load) call(ctx context.Context, connection *grpc.ClientConn, asked phase, number int, due time.Time) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	method, request := "FindMatch", findMatch(fmt.Sprintf("%s%d", asked.Name, number))
	if asked.Empty {
		method, request = "CancelMatch", text(nil, 1, "none")
	}
	var answer []byte
	err := connection.Invoke(ctx, service+method, request, &answer)
	latency := time.Since(due).Seconds()
	found.Lock()
	defer found.Unlock()
	switch {
	case err != nil:
		found.Failed[status.Code(err).String()]++
		found.Problem = err.Error()
	case asked.Empty || hasMatch(answer):
		found.Matched++
		found.latencies = append(found.latencies, latency)
	default:
		found.Unmatched++
	}
}

func findMatch(name string) []byte {
	message := text(nil, 1, name)
	message = text(message, 2, "person/"+name)
	message = protowire.AppendVarint(protowire.AppendTag(message, 3, protowire.VarintType), ranked)
	seconds := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), wait)
	return protowire.AppendBytes(protowire.AppendTag(message, 6, protowire.BytesType), seconds)
}

// hasMatch tells whether a FindMatchResponse has its second field.
func hasMatch(answer []byte) bool {
	for len(answer) > 0 {
		number, _, size := protowire.ConsumeField(answer)
		if size < 0 {
			return false
		}
		if number == 2 {
			return true
		}
		answer = answer[size:]
	}
	return false
}

var made atomic.Int64

// makeGame answers CreateGame, whatever is asked.
func makeGame(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	answer := text(nil, 1, fmt.Sprintf("g%d", made.Add(1)))
	answer = text(answer, 2, "a:1")
	for _, token := range []string{"1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"} {
		answer = text(answer, 3, token)
	}
	return stream.SendMsg(answer)
}

func text(message []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(message, field, protowire.BytesType), value)
}

// cpu is the processor time of this process so far, in seconds.
func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	seconds := func(each syscall.Timeval) float64 { return float64(each.Sec) + float64(each.Usec)/1e6 }
	return seconds(used.Utime) + seconds(used.Stime)
}

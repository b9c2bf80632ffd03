// Command peer joins the gateway's lock and election queues with etcd's own Go recipes.
//
// Each line of its standard input is a command, each line of its standard output a reply. Every command
// that acquires something has a separate session, until `unlock`. The program ends with its input.
//
//	mutex NAME TTL      waits for concurrency.Mutex      → held KEY REVISION
//	trylock NAME TTL    tries once                       → held KEY REVISION | locked
//	elect NAME VALUE TTL  campaigns                      → elected KEY REVISION
//	proclaim VALUE      as the leader                    → proclaimed
//	observe NAME        follows the election             → leader VALUE, for each leader
//	read NAME TTL, write NAME TTL  the RWMutex recipe    → holds KIND
//	guarded KEY VALUE   a put guarded by IsOwner         → put | refused
//	unlock              releases what is held            → released
//	orphan              ends without releasing
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

type peer struct {
	client   *clientv3.Client
	session  *concurrency.Session
	mutex    *concurrency.Mutex
	election *concurrency.Election
	release  func() error
}

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: os.Args[1:]})
	if err != nil {
		fail(err)
	}
	defer client.Close()
	p := &peer{client: client}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Split(lines.Text(), "\t")
		if words[0] == "orphan" {
			return
		}
		reply, err := p.do(words)
		if err != nil {
			fail(fmt.Errorf("%s: %w", lines.Text(), err))
		}
		fmt.Println(reply)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (p *peer) openSession(ttl string) error {
	seconds, err := strconv.Atoi(ttl)
	if err != nil {
		return err
	}
	p.session, err = concurrency.NewSession(p.client, concurrency.WithTTL(seconds))
	return err
}

func (p *peer) do(words []string) (string, error) {
	ctx := context.Background()
	switch words[0] {
	case "mutex", "trylock":
		if err := p.openSession(words[2]); err != nil {
			return "", err
		}
		p.mutex = concurrency.NewMutex(p.session, words[1])
		lock := p.mutex.Lock
		if words[0] == "trylock" {
			lock = p.mutex.TryLock
		}
		if err := lock(ctx); errors.Is(err, concurrency.ErrLocked) {
			return "locked", p.session.Close()
		} else if err != nil {
			return "", err
		}
		p.release = func() error { return p.mutex.Unlock(ctx) }
		revision, err := p.createRevision(p.mutex.Key())
		return fmt.Sprintf("held\t%s\t%d", p.mutex.Key(), revision), err
	case "elect":
		if err := p.openSession(words[3]); err != nil {
			return "", err
		}
		p.election = concurrency.NewElection(p.session, words[1])
		if err := p.election.Campaign(ctx, words[2]); err != nil {
			return "", err
		}
		p.release = func() error { return p.election.Resign(ctx) }
		return fmt.Sprintf("elected\t%s\t%d", p.election.Key(), p.election.Rev()), nil
	case "proclaim":
		return "proclaimed", p.election.Proclaim(ctx, words[1])
	case "observe":
		if err := p.openSession("60"); err != nil {
			return "", err
		}
		for response := range concurrency.NewElection(p.session, words[1]).Observe(ctx) {
			fmt.Printf("leader\t%s\n", response.Kvs[0].Value)
		}
		return "observed", nil
	case "read", "write":
		if err := p.openSession(words[2]); err != nil {
			return "", err
		}
		mutex := recipe.NewRWMutex(p.session, words[1])
		lock, unlock := mutex.Lock, mutex.Unlock
		if words[0] == "read" {
			lock, unlock = mutex.RLock, mutex.RUnlock
		}
		if err := lock(); err != nil {
			return "", err
		}
		p.release = unlock
		return "holds\t" + words[0], nil
	case "guarded":
		response, err := p.client.Txn(ctx).
			If(p.mutex.IsOwner()).
			Then(clientv3.OpPut(words[1], words[2])).
			Commit()
		if err != nil {
			return "", err
		}
		if !response.Succeeded {
			return "refused", nil
		}
		return "put", nil
	case "unlock":
		if err := p.release(); err != nil {
			return "", err
		}
		return "released", p.session.Close()
	}
	return "", errors.New("unknown command")
}

func (p *peer) createRevision(key string) (int64, error) {
	response, err := p.client.Get(context.Background(), key)
	if err != nil {
		return 0, err
	}
	if len(response.Kvs) == 0 {
		return 0, errors.New("the key was deleted")
	}
	return response.Kvs[0].CreateRevision, nil
}

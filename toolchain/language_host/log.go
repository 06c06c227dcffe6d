package main

import (
	"context"
	"math/rand"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// engineLog writes to the engine's log, as messages that a terminal shows for as long as they are the last ones.
type engineLog struct {
	ctx      context.Context
	engine   pulumirpc.EngineClient
	stream   int32
	severity pulumirpc.LogSeverity
}

// newEngineLog is the log for the standard output (INFO) or the standard error (ERROR) of one command.
func newEngineLog(ctx context.Context, engine pulumirpc.EngineClient, severity pulumirpc.LogSeverity) *engineLog {
	return &engineLog{ctx: ctx, engine: engine, stream: rand.Int31(), severity: severity} //nolint:gosec // a number to tell apart
}

func (l *engineLog) Write(text []byte) (int, error) {
	_, err := l.engine.Log(l.ctx, &pulumirpc.LogRequest{
		Message:   strings.ToValidUTF8(string(text), "\uFFFD"),
		Severity:  l.severity,
		StreamId:  l.stream,
		Ephemeral: true,
	})
	if err != nil {
		return 0, err
	}
	return len(text), nil
}

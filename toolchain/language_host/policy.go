package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// RunPlugin runs a policy pack and streams what it prints. Other plugins in Python are refused: this project has none.
func (h *host) RunPlugin(request *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer) error {
	if request.Kind != string(apitype.AnalyzerPlugin) {
		return status.Errorf(codes.Unimplemented,
			"%s: this language host runs policy packs, and no plugins of kind %q",
			request.Info.ProgramDirectory, request.Kind)
	}
	ctx := server.Context()
	python, err := pythonOf(request.Info, false)
	if err != nil {
		return err
	}
	arguments := append([]string{"-u", "-m", "pulumi.policy"}, request.Args...)
	command, err := python.Command(ctx, append(arguments, request.Info.ProgramDirectory)...)
	if err != nil {
		return err
	}
	// A pack has always run in its own folder, not in the project's.
	command.Dir = request.Info.ProgramDirectory
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer streams.Close()
	// It answers the engine first, which then says which stack the pack judges.
	proxy, stdout, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return fmt.Errorf("starting the policy pack's proxy: %w", err)
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return fmt.Errorf("waiting for the stack's config: %w", err)
	}
	more, err := stackEnvironment(stack)
	if err != nil {
		return err
	}
	command.Env = append(append(command.Env, more...), request.Env...)
	command.Stdout, command.Stderr = stdout, stderr
	if err := attach(ctx, proxy, command); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return fmt.Errorf("problem executing plugin program (could not run language executor): %w", err)
		}
		code := int32(exit.ExitCode()) //nolint:gosec // an exit code has eight bits
		return server.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
	}
	return streams.Close()
}

// attach runs a pack to its end behind its proxy.
func attach(ctx context.Context, proxy *sdk.PolicyProxy, command *exec.Cmd) error {
	if err := command.Start(); err != nil {
		return err
	}
	return proxy.Attach(ctx, command)
}

// stackEnvironment is what a pack learns of the stack; nothing where the engine has none, as in `pulumi policy publish`.
func stackEnvironment(stack *pulumirpc.AnalyzerStackConfigureRequest) ([]string, error) {
	if stack == nil {
		return nil, nil
	}
	var environment []string
	set := func(name, value string) {
		if value != "" {
			environment = append(environment, name+"="+value)
		}
	}
	set("PULUMI_ORGANIZATION", stack.Organization)
	set("PULUMI_PROJECT", stack.Project)
	set("PULUMI_STACK", stack.Stack)
	set("PULUMI_DRY_RUN", strconv.FormatBool(stack.DryRun))
	if stack.Config != nil {
		text, err := json.Marshal(stack.Config)
		if err != nil {
			return nil, fmt.Errorf("writing the stack's config: %w", err)
		}
		set(configVariable, string(text))
	}
	return environment, nil
}

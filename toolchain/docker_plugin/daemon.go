package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/client"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// errNoDaemon is what the vendor's plugin says where no Docker daemon answers.
var errNoDaemon = errors.New("docker native provider returned an unexpected error from Configure: " +
	"failed to connect to any docker daemon")

// userSockets are where Docker Desktop of a user without administrator rights has its daemon, below the home folder.
var userSockets = []string{".docker/run/docker.sock", ".docker/desktop/docker.sock"}

// environment has the variables that stand for an option of the provider which is not set.
var environment = map[string]string{
	"host":       "DOCKER_HOST",
	"caMaterial": "DOCKER_CA_MATERIAL",
	"certPath":   "DOCKER_CERT_PATH",
}

// askingProvider is the bridged provider. As the vendor's plugin does, it asks the Docker daemon for a sign of life when
// it is configured, which is in a preview too.
type askingProvider struct {
	pulumirpc.ResourceProviderServer
}

// Configure refuses a configuration whose Docker daemon does not answer.
func (p *askingProvider) Configure(
	ctx context.Context, request *pulumirpc.ConfigureRequest,
) (*pulumirpc.ConfigureResponse, error) {
	host, err := findDaemon(ctx, options(request.GetVariables())) //nolint:staticcheck // as the vendor's plugin
	if err != nil {
		return nil, err
	}
	if host != "" {
		// For the provider that is bridged.
		if err := os.Setenv("DOCKER_HOST", host); err != nil {
			return nil, err
		}
	}
	return p.ResourceProviderServer.Configure(ctx, request)
}

// options returns the provider's options by name, with those that the environment sets in their place.
func options(variables map[string]string) map[string]string {
	found := map[string]string{}
	for option, variable := range environment {
		if value := os.Getenv(variable); value != "" {
			found[option] = value
		}
	}
	for key, value := range variables {
		found[strings.TrimPrefix(key, "docker:config:")] = value
	}
	return found
}

// findDaemon returns the address of the daemon that answers; an empty one for a host that is reached by SSH, which is
// not asked: each question would be a connection and a login.
func findDaemon(ctx context.Context, options map[string]string) (string, error) {
	host, isGiven := options["host"]
	// Nor is one whose certificates are given as text: no stack of this project has such.
	if strings.HasPrefix(host, "ssh://") || options["caMaterial"] != "" {
		return "", nil
	}
	hosts := []string{host}
	if !isGiven {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		hosts = []string{client.DefaultDockerHost}
		for _, socket := range userSockets {
			hosts = append(hosts, "unix://"+filepath.Join(home, socket))
		}
	}
	for _, each := range hosts {
		daemon, err := connect(each, options)
		if err != nil {
			return "", fmt.Errorf("docker native provider returned an unexpected error from Configure: %w", err)
		}
		_, err = daemon.Ping(ctx)
		_ = daemon.Close()
		if err == nil {
			return each, nil
		}
	}
	return "", errNoDaemon
}

// connect makes a client of the daemon at host, with the certificates that the options name.
func connect(host string, options map[string]string) (*client.Client, error) {
	settings := []client.Opt{client.FromEnv, client.WithAPIVersionNegotiation()}
	if folder := options["certPath"]; folder != "" {
		file := func(name string) string { return filepath.Join(folder, name) }
		settings = append(settings, client.WithTLSClientConfig(file("ca.pem"), file("cert.pem"), file("key.pem")))
	}
	return client.NewClientWithOpts(append(settings, client.WithHost(host))...)
}

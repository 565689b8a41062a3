/*
 * Copyright (c) 2026 The Telehandler developers
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

/*
 * The peer of the call benchmarks, an asynchronous server of gRPC's own C++
 * library with client certificates: peer CERTS THREADS. Prints its port.
 */

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "hello.grpc.pb.h"

/* Calls that are waited for at the same time, for each thread. */
static const int calls_ahead = 128;

static std::string
read_file(const std::string &path)
{
	std::ifstream in(path);
	std::stringstream text;

	text << in.rdbuf();
	if (!in || text.str().empty()) {
		std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
		std::exit(1);
	}
	return text.str();
}

/* One call: waited for, answered, and replaced by a new one. */
class Call
{
      public:
	Call(bench::Greeter::AsyncService *s, grpc::ServerCompletionQueue *q)
	    : service(s), queue(q), responder(&context)
	{
		service->RequestHello(&context, &request, &responder, queue,
		    queue, this);
	}

	void step(bool ok)
	{
		if (!ok || answered) {
			delete this;
			return;
		}
		new Call(service, queue);
		answered = true;
		reply.set_message("hello " + request.name());
		responder.Finish(reply, grpc::Status::OK, this);
	}

      private:
	bench::Greeter::AsyncService *service;
	grpc::ServerCompletionQueue *queue;
	grpc::ServerContext context;
	bench::HelloRequest request;
	bench::HelloReply reply;
	grpc::ServerAsyncResponseWriter<bench::HelloReply> responder;
	bool answered = false;
};

static void
serve(bench::Greeter::AsyncService *service, grpc::ServerCompletionQueue *queue)
{
	void *tag;
	bool ok;

	for (int i = 0; i < calls_ahead; i++)
		new Call(service, queue);
	while (queue->Next(&tag, &ok))
		static_cast<Call *>(tag)->step(ok);
}

int
main(int argc, char *argv[])
{
	if (argc != 3) {
		std::fprintf(stderr, "usage: peer certs threads\n");
		return 2;
	}
	std::string dir = argv[1];
	int threads = std::atoi(argv[2]), port = 0;

	grpc::SslServerCredentialsOptions tls(
	    GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
	tls.pem_root_certs = read_file(dir + "/ca.pem");
	tls.pem_key_cert_pairs.push_back({ read_file(dir + "/server-key.pem"),
	    read_file(dir + "/server.pem") });

	bench::Greeter::AsyncService service;
	grpc::ServerBuilder builder;
	builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls),
	    &port);
	builder.RegisterService(&service);
	std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
	for (int i = 0; i < threads; i++)
		queues.push_back(builder.AddCompletionQueue());
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	if (server == nullptr || port == 0) {
		std::fprintf(stderr, "peer: cannot listen\n");
		return 1;
	}
	std::printf("port=%d\n", port);
	std::fflush(stdout);
	std::vector<std::thread> workers;
	for (auto &q : queues)
		workers.emplace_back(serve, &service, q.get());
	for (auto &w : workers)
		w.join();
	return 0;
}

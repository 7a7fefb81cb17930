/* A GPU that does nothing: as much of CUDA's runtime and driver as torch asks before autograd and a generator work.

   No kernel is ever started and nothing is allocated: tensors of `held.py` keep their values on the CPU. A function that
   torch needs and that is not here fails by itself, with the message of the real library or of the loader. */

static char one; /* what streams and events point at */

int cudaGetDeviceCount(int *count) {
    *count = 1;
    return 0;
}

int cudaGetDevice(int *device) {
    *device = 0;
    return 0;
}

int cudaSetDevice(int device) { return device; /* 0, or the error 1: invalid value */ }

int cudaGetLastError(void) { return 0; }

int cudaPeekAtLastError(void) { return 0; }

int cudaDeviceSynchronize(void) { return 0; }

int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = *greatest = 0;
    return 0;
}

int cudaStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
    (void)flags, (void)priority;
    *stream = &one;
    return 0;
}

int cudaStreamIsCapturing(void *stream, int *capturing) {
    (void)stream;
    *capturing = 0;
    return 0;
}

int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) {
    (void)stream, (void)event, (void)flags;
    return 0;
}

int cudaEventCreateWithFlags(void **event, unsigned flags) {
    (void)flags;
    *event = &one;
    return 0;
}

int cudaEventRecord(void *event, void *stream) {
    (void)event, (void)stream;
    return 0;
}

int cudaEventDestroy(void *event) {
    (void)event;
    return 0;
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
    (void)device;
    *flags = 0;
    *active = 0;
    return 0;
}

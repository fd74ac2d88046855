// oneDNN's C API, and the one OpenMP call that pins a lane's primitives to one thread.
#pragma once
#include <dnnl.h>

// Declared here because <omp.h> belongs to the compiler, not to a library.
void omp_set_num_threads(int threads);

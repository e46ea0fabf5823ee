// SPDX-License-Identifier: Apache-2.0
#include "cuda/blas.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <map>
#include <optional>
#include <tuple>

#include "base/check.h"
#include "cuda/memory.h"
#include "tensor/buffer.h"

namespace minimax::cuda {
namespace {

constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;
constexpr const char* kLibrary = "libcublasLt.so.13";

void check(cublasStatus_t status, const char* action) {
  const bool lacks_memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  base::check(status == CUBLAS_STATUS_SUCCESS,
              lacks_memory ? ErrorCode::kOutOfMemory : ErrorCode::kDevice, [&] {
                return fmt::format("{}: {} failed with status {}", kLibrary, action,
                                   static_cast<int>(status));
              });
}

/// The functions of the library that are used here.
class Library {
 public:
  Library() : handle_(::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL)) {
    base::check(handle_ != nullptr, ErrorCode::kDevice, [&] {
      return fmt::format("cuda: expected {} of the CUDA toolkit, found: {}", kLibrary, ::dlerror());
    });
    load(create, "cublasLtCreate");
    load(destroy, "cublasLtDestroy");
    load(desc_create, "cublasLtMatmulDescCreate");
    load(desc_destroy, "cublasLtMatmulDescDestroy");
    load(desc_set, "cublasLtMatmulDescSetAttribute");
    load(layout_create, "cublasLtMatrixLayoutCreate");
    load(layout_destroy, "cublasLtMatrixLayoutDestroy");
    load(preference_create, "cublasLtMatmulPreferenceCreate");
    load(preference_destroy, "cublasLtMatmulPreferenceDestroy");
    load(preference_set, "cublasLtMatmulPreferenceSetAttribute");
    load(heuristic, "cublasLtMatmulAlgoGetHeuristic");
    load(matmul, "cublasLtMatmul");
  }
  ~Library() { ::dlclose(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  cublasStatus_t (*preference_set)(cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t,
                                   const void*, size_t) = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;

 private:
  template <class F>
  void load(F& function, const char* name) {
    function = reinterpret_cast<F>(::dlsym(handle_, name));
    base::check(function != nullptr, ErrorCode::kDevice, [&] {
      return fmt::format("cuda: expected the function {} in {}, found none", name, kLibrary);
    });
  }

  void* handle_;
};

cudaDataType_t data_type(tensor::DType dtype) {
  return dtype == tensor::DType::kBF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/// A product of one shape: its description and the algorithm chosen for it. The library sees
/// columns where we have rows: out^T = (weight^T)^T x^T.
class Plan {
 public:
  Plan(const Library& library, cublasLtHandle_t handle, const DenseProduct& product)
      : library_(library) {
    check(library.desc_create(&desc_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product");
    const cublasOperation_t transposed = CUBLAS_OP_T;
    check(library.desc_set(desc_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)),
          "describing a product");
    weight_ = layout(product.dtype, product.inner, product.columns, product.inner);
    x_ = layout(product.dtype, product.inner, product.rows, product.inner);
    out_ = layout(product.out_dtype, product.columns, product.rows, product.out_stride);
    choose(handle);
  }
  ~Plan() {
    library_.layout_destroy(weight_);
    library_.layout_destroy(x_);
    library_.layout_destroy(out_);
    library_.desc_destroy(desc_);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Whether the library can compute it.
  bool is_possible() const { return algorithm_.has_value(); }

  void run(cublasLtHandle_t handle, Stream stream, const DenseProduct& product,
           void* workspace) const {
    const float one = 1.0f;
    const float zero = 0.0f;
    check(library_.matmul(handle, desc_, &one, product.weight, weight_, product.x, x_, &zero,
                          product.out, out_, product.out, out_, &*algorithm_, workspace,
                          kWorkspaceBytes, stream),
          "a matrix product");
  }

 private:
  cublasLtMatrixLayout_t layout(tensor::DType dtype, std::int64_t rows, std::int64_t columns,
                                std::int64_t stride) const {
    cublasLtMatrixLayout_t result = nullptr;
    check(library_.layout_create(&result, data_type(dtype), static_cast<std::uint64_t>(rows),
                                 static_cast<std::uint64_t>(columns), stride),
          "describing a matrix");
    return result;
  }

  void choose(cublasLtHandle_t handle) {
    cublasLtMatmulPreference_t preference = nullptr;
    check(library_.preference_create(&preference), "choosing an algorithm");
    const std::size_t bytes = kWorkspaceBytes;
    library_.preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                            sizeof(bytes));
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status =
        library_.heuristic(handle, desc_, weight_, x_, out_, out_, preference, 1, &found, &count);
    library_.preference_destroy(preference);
    if (status == CUBLAS_STATUS_SUCCESS && count > 0) {
      algorithm_ = found.algo;
    }
  }

  const Library& library_;
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatrixLayout_t weight_ = nullptr;
  cublasLtMatrixLayout_t x_ = nullptr;
  cublasLtMatrixLayout_t out_ = nullptr;
  std::optional<cublasLtMatmulAlgo_t> algorithm_;
};

using PlanKey = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, tensor::DType,
                           tensor::DType>;

PlanKey key_of(const DenseProduct& product) {
  return {product.rows,       product.columns, product.inner,
          product.out_stride, product.dtype,   product.out_dtype};
}

}  // namespace

struct Blas::Impl {
  Impl() : workspace(device_memory().allocate(kWorkspaceBytes)) {
    check(library.create(&handle), "starting");
  }
  ~Impl() {
    plans.clear();
    library.destroy(handle);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Library library;
  cublasLtHandle_t handle = nullptr;
  tensor::Buffer workspace;
  std::map<PlanKey, Plan> plans;
};

Blas::Blas() : impl_(std::make_unique<Impl>()) {}
Blas::~Blas() = default;

bool Blas::multiply(Stream stream, const DenseProduct& product) {
  if (product.rows == 0 || product.columns == 0) {
    return true;
  }
  const auto [plan, is_new] =
      impl_->plans.try_emplace(key_of(product), impl_->library, impl_->handle, product);
  if (!plan->second.is_possible()) {
    return false;
  }
  plan->second.run(impl_->handle, stream, product, impl_->workspace.data());
  return true;
}

}  // namespace minimax::cuda
